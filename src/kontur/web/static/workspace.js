// What the page knows: the open image, two sides with a method and a result each, and how a method is run on a side.

import * as api from "./api.js";
import { clearError, showError, startProgress, status } from "./notice.js";
import { hierarchyOf, regionsOf, summaryOf } from "./results.js";

/** Options that the level slider takes the place of. */
const READ_FROM_TREE = ["level", "regions"];

export class Workspace {
  /** onResult(side): its result is another one, or none. onRun(side, before, after): it was run for a new result. */
  constructor(onResult, onRun) {
    Object.assign(this, { onResult, onRun });
    this.image = null; // { session, name, width, height }
    this.methods = new Map();
    this.sides = [{ method: null, options: {}, result: null }, { method: null, options: {}, result: null }];
    this.active = 0;
    this.comparing = false;
    this.jobs = []; // that keep results of the image
    this.opening = null;
    this.running = [null, null];
  }

  get side() {
    return this.sides[this.active];
  }

  methodOf(index) {
    return this.methods.get(this.sides[index].method);
  }

  get method() {
    return this.methodOf(this.active);
  }

  /** The options that a method's form shows. */
  optionsOf(method) {
    return method.hierarchy ? method.options.filter((spec) => !READ_FROM_TREE.includes(spec.name)) : method.options;
  }

  /** Open an image: a File, or { sample: name }. The one before is forgotten. Resolves to whether it came about. */
  async open(source, name) {
    clearError();
    this.opening?.abort();
    const controller = (this.opening = new AbortController());
    const { signal } = controller;
    const progress = startProgress("opening", name, () => controller.abort());
    try {
      const answer = source.sample ? await api.openSample(source.sample, signal) : await api.openFile(source, signal);
      if (signal.aborted) {
        api.forget(`sessions/${answer.session}`);
        return false;
      }
      this.forget();
      this.image = { session: answer.session, name, width: answer.width, height: answer.height };
      return true;
    } catch (error) {
      if (this.opening === controller) status(signal.aborted ? "status.cancelled" : "status.ready");
      showError(error);
      return false;
    } finally {
      progress.stop();
    }
  }

  /** End the session: the server forgets the image. */
  forget() {
    this.#endWork();
    if (this.image) api.forget(`sessions/${this.image.session}`);
    for (const keeper of this.jobs) api.forget(keeper);
    this.jobs = [];
    this.image = null;
    for (const side of this.sides) side.result = null;
  }

  /** What is being opened or run is of no use any more: the server stops as well. */
  #endWork() {
    this.opening?.abort();
    for (const run of this.running) run?.abort();
    this.running = [null, null];
  }

  /** As run(), for something that is to be taken back by itself. */
  async runAnew(index, prompts, how) {
    const before = this.sides[index].result;
    const after = await this.run(index, prompts, how);
    if (after) this.onRun(index, before, after);
  }

  /**
   * Run a side's method with its options. prompts: as PROMPTS of the contract, or null. Resolves to the new result, or null.
   *
   * long: as a job, with progress and ten times the time limit.
   */
  async run(index, prompts, { long = false } = {}) {
    const { image } = this;
    const side = this.sides[index];
    const method = this.methodOf(index);
    this.running[index]?.abort();
    const controller = (this.running[index] = new AbortController());
    const progress = startProgress("running", method.name, () => controller.abort());
    const started = performance.now();
    clearError();
    try {
      const result = await (long
        ? this.#runLong(method, side.options, prompts, progress, controller.signal)
        : this.#runHere(method, side.options, prompts, controller.signal));
      if (this.image !== image || this.running[index] !== controller) return null;
      result.seconds = result.provenance?.seconds ?? (performance.now() - started) / 1000;
      result.method = method.name;
      result.notice = method.notice;
      result.keeper ??= `sessions/${image.session}`;
      side.result = result;
      status("status.done", { method: method.name, summary: summaryOf(result) });
      this.onResult(index);
      return result;
    } catch (error) {
      if (error.name === "AbortError") {
        if (this.running[index] === controller) status("status.cancelled");
      } else if (this.image === image) {
        status("status.ready");
        const again = { key: "run.long", run: () => this.runAnew(index, prompts, { long: true }) };
        // The prompts are those of this method: another one may have been chosen meanwhile.
        showError(error, error.status === 504 && !long && side.method === method.name ? again : null);
      }
      return null;
    } finally {
      if (this.running[index] === controller) this.running[index] = null;
      progress.stop();
    }
  }

  async #runHere(method, options, prompts, signal) {
    const { session } = this.image;
    if (method.hierarchy && !prompts) return hierarchyOf(await api.contours(session, method.name, options, signal));
    return regionsOf(await api.segment(session, method.name, options, prompts, signal));
  }

  async #runLong(method, options, prompts, progress, signal) {
    const image = await api.image(this.image.session, signal);
    const request = { image, method: method.name, options, prompts };
    const { keeper, answer } = await api.runJob(request, (job) => progress.update(job.fraction), signal);
    this.jobs.push(keeper);
    return Object.assign(await regionsOf(answer), { keeper });
  }
}
