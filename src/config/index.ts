export { ceiling_reason, deprecations, dial_of, type Started } from "./autonomy.ts";
export { type AutonomyPlan, armed, type DialSetting, disarmed, plan_autonomy } from "./autonomy_file.ts";
export { docs_of, KEY_DOCS, type KeyDocs } from "./docs.ts";
export {
  type ConfigSources,
  config_of_settings,
  DEFAULT_DIRECTORY,
  is_given,
  load_config,
  load_sources,
} from "./load.ts";
export { default_config, parse_config } from "./parse.ts";
export { ConfigError, type ConfigProblem } from "./problem.ts";
export { type KeyChange, plan_reload, type ReloadPlan } from "./reload.ts";
export { render_config } from "./render.ts";
export type { Config, LogLevel } from "./schema.ts";
