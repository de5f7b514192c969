import { WOULD_DO } from "../../model/dial.ts";
import type { Notice } from "../../model/notice.ts";

export type Template = "generic" | "slack" | "alertmanager";

/** An alert that is not renewed ends by itself after so long, so that a dead node does not alarm for ever. */
export const ALERT_LIFE_S = 300;

/** The body of a request, as JSON. */
export function render_payload(notice: Notice, template: Template): string {
  switch (template) {
    case "generic":
      return JSON.stringify(notice);
    case "slack":
      return JSON.stringify({ text: slack_text(`${headline(notice)}\n${detail(notice)}`), mrkdwn: false });
    case "alertmanager":
      return JSON.stringify(alerts(notice));
  }
}

/** Slack's three control characters: a process may call itself `<!channel>`, and must not call everybody. */
function slack_text(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function headline({ node, status, reason, level, level_name, highest_level, severity }: Notice): string {
  if (status === "resolved") return `[resolved] ${node}: back at level ${level} (highest was ${highest_level})`;
  return `[${severity}] ${node}: level ${level} (${level_name}), ${reason}`;
}

function detail(notice: Notice): string {
  const { d_m, d_smooth, derivative, dominant_dimension, dominant_share, culprit, action, inaction } = notice;
  const who =
    culprit === null ? "nobody stands out" : `${culprit.path}${culprit.comm === null ? "" : ` (${culprit.comm})`}`;
  const did = action === null ? `nothing was done${inaction === "" ? "" : `: ${inaction}`}` : action_text(action);
  return [
    `D ${d_m.toFixed(1)}, smoothed ${d_smooth.toFixed(1)}, ${derivative >= 0 ? "+" : ""}${derivative.toFixed(2)}/s`,
    `${dominant_dimension} carries ${(100 * dominant_share).toFixed(0)} %`,
    `culprit: ${who}`,
    did,
  ].join("; ");
}

function action_text({ verb, rung, path, status }: NonNullable<Notice["action"]>): string {
  const what = `${verb} ${rung} on ${path}`;
  return status === "would_do" ? `${WOULD_DO}: ${what}` : `${what}: ${status}`;
}

/** Alerts are told apart by their labels: a rise in severity is another alert, and ends the one before. */
function alerts(notice: Notice): readonly object[] {
  const { node, severity, severities, status, time, began, episode } = notice;
  const lasts = new Date(Date.parse(time) + ALERT_LIFE_S * 1000).toISOString();
  return severities.map((told) => ({
    labels: { alertname: "HosaEpisode", node, severity: told, source: "hosa" },
    annotations: {
      summary: headline(notice),
      description: detail(notice),
      rule: notice.rule,
      level: String(notice.level),
      culprit: notice.culprit?.path ?? "",
      episode,
    },
    startsAt: began,
    endsAt: status === "firing" && told === severity ? lasts : time,
  }));
}
