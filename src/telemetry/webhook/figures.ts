/** What became of the notices for one endpoint. */
export interface WebhookFigures {
  /** Its place in the configuration, from 1: an address may hold a secret. */
  readonly name: string;
  readonly delivered: number;
  readonly failed_attempts: number;
  readonly dropped: number;
  readonly waiting: number;
}
