import type { ErrorCode } from "yaml";

/** What is wrong with a text that is no YAML, by the parser's own code: its sentences are made for those who call it. */
const WORDS: { readonly [code in ErrorCode]: string } = {
  ALIAS_PROPS: "an alias (*name) takes neither a tag nor an anchor",
  BAD_ALIAS: "an alias (*name) or an anchor (&name) has no proper name",
  BAD_COLLECTION_TYPE: "a tag (!name) that does not fit its value",
  BAD_DIRECTIVE: "an unknown directive (a line that begins with %)",
  BAD_DQ_ESCAPE: "an unknown escape in a text in double quotes; write \\\\ for one backslash, or use single quotes",
  BAD_INDENT: "the indentation does not fit the lines before, or a bracket was not closed",
  BAD_PROP_ORDER: "a tag or an anchor stands ahead of the - or : it belongs behind",
  BAD_SCALAR_START: "a value that begins with @, ` or another reserved character; put it in quotes",
  BLOCK_AS_IMPLICIT_KEY: "a key: value pair within another on one line; begin a new line, or put the value in quotes",
  BLOCK_IN_FLOW: "within [ ] or { } no list with dashes and no indented mapping may begin",
  DUPLICATE_KEY: "the same key stands twice in one mapping",
  IMPOSSIBLE: "the text cannot be read from here on",
  KEY_OVER_1024_CHARS: "a key is longer than 1024 characters",
  MISSING_CHAR: "a character is missing: a closing quote or bracket, a comma, or the : and a space behind a key",
  MULTILINE_IMPLICIT_KEY: "a key reaches over several lines; is a : or a quote missing before?",
  MULTIPLE_ANCHORS: "a value has two anchors (&name)",
  MULTIPLE_DOCS: "a second document begins here (---); put everything into one",
  MULTIPLE_TAGS: "a value has two tags (!name)",
  NON_STRING_KEY: "a key that is no plain text; put it in quotes",
  RESOURCE_EXHAUSTION: "it is nested too deeply",
  TAB_AS_INDENT: "a tab in the indentation; use spaces",
  TAG_RESOLVE_FAILED: "an unknown tag (!name), or a value that does not fit its tag",
  UNEXPECTED_TOKEN: "a character that cannot stand here",
};

export function yaml_words(code: ErrorCode): string {
  return WORDS[code] ?? WORDS.IMPOSSIBLE;
}
