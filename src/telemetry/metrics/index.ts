import { TcpListener } from "../../ffi/tcp_listener.ts";
import type { Maybe } from "../../model/sample.ts";
import { type MetricFigures, render_metrics } from "./catalogue.ts";
import { CONTENT_TYPE } from "./exposition.ts";
import { type HealthFigures, render_health } from "./health.ts";
import type { HttpAnswer } from "./http.ts";
import { BACKLOG, HttpServer } from "./http_server.ts";
import { Tally } from "./tally.ts";

/** What is only loaded where metrics are served. */
export class Metrics {
  readonly tally = new Tally();

  /** @throws KernelError where nothing can listen there */
  serve(
    host: string,
    port: number,
    clock: () => number,
    answer: (path: string) => Maybe<HttpAnswer>,
  ): { readonly server: HttpServer; readonly port: number } {
    const listener = new TcpListener(host, port, BACKLOG);
    return { server: new HttpServer({ listener, answer, clock }), port: listener.port };
  }

  page(
    path: string,
    figures: { readonly metrics: () => MetricFigures; readonly health: () => HealthFigures },
  ): Maybe<HttpAnswer> {
    if (path === "/metrics") return { status: 200, type: CONTENT_TYPE, body: render_metrics(figures.metrics()) };
    if (path === "/healthz") return { type: "application/json", ...render_health(figures.health()) };
    return null;
  }
}
