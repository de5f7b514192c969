/** Version of the documents that docs/schema/ describes: raised when a key is removed or changes its meaning, not when one is added. */
export const SCHEMA_VERSION = 1;
