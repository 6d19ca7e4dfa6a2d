// Every call to the server, and its errors. The contract: docs/web.md, section "HTTP API".

/** What the server refused: the status code (0: it was not reached), its sentence, and how long to wait (seconds) or null. */
export class ApiError extends Error {
  constructor(status, sentence, wait = null) {
    super(sentence);
    Object.assign(this, { name: "ApiError", status, sentence, wait });
  }
}

async function call(path, { method = "GET", body, json, signal } = {}) {
  const headers = json === undefined ? {} : { "Content-Type": "application/json" };
  let response;
  try {
    response = await fetch(path, { method, headers, signal, body: json === undefined ? body : JSON.stringify(json) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "");
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

async function refusal(response) {
  let sentence = "";
  try {
    sentence = (await response.json()).error ?? "";
  } catch {
    // A proxy may answer without JSON; the status code says enough.
  }
  const wait = Number(response.headers.get("Retry-After"));
  return new ApiError(response.status, String(sentence), wait > 0 ? wait : null);
}

const get = async (path, options) => (await call(path, options)).json();
const post = (path, json, signal) => get(path, { method: "POST", json, signal });

export const limits = () => get("/api/limits");
export const methods = () => get("/api/methods");
export const samples = () => get("/api/samples");

/** A session of an image file. */
export function openFile(file, signal) {
  const body = new FormData();
  body.append("image", file, file.name || "image");
  return get("/api/sessions", { method: "POST", body, signal });
}

/** A session of a sample, by its name. */
export function openSample(name, signal) {
  const body = new FormData();
  body.append("sample", name);
  return get("/api/sessions", { method: "POST", body, signal });
}

/** Forget "sessions/ID" or "jobs/ID"; also while the page is being left. */
export function forget(keeper) {
  fetch(`/api/${keeper}`, { method: "DELETE", keepalive: true }).catch(() => {});
}

export const imageAddress = (session) => `/api/sessions/${session}/image.png`;

/** The image of a session as a PNG, a Blob. */
export const image = async (session, signal) => (await call(imageAddress(session), { signal })).blob();

/** A RESULT of a method. prompts: as PROMPTS of the contract, or null. */
export function segment(session, method, options, prompts, signal) {
  return post(`/api/sessions/${session}/segment`, { method, options, ...(prompts ? { prompts } : {}) }, signal);
}

/** A TREE of a method that has one. */
export const contours = (session, method, options, signal) =>
  post(`/api/sessions/${session}/contours`, { method, options }, signal);

/** New boxes (replacing the earlier ones) or strokes (added): the fast answer, a STEP. */
export const prompt = (session, prompts, signal) =>
  post(`/api/sessions/${session}/prompts`, { ...prompts, labels: "grey" }, signal);

/** The exact answer to a step. */
export const exactStep = (session, step, signal) => get(`/api/sessions/${session}/steps/${step}?labels=grey`, { signal });

export const undo = (session) => get(`/api/sessions/${session}/undo?labels=grey`, { method: "POST" });

export const forgetPrompts = (session) => call(`/api/sessions/${session}/prompts`, { method: "DELETE" });

/** A file of a result: { blob, name }. keeper: "sessions/ID" or "jobs/ID"; level: of a tree, else null. */
export async function exported(keeper, result, format, level = null) {
  const query = level === null ? "" : `?level=${level}`;
  const response = await call(`/api/${keeper}/results/${result}/${format}${query}`);
  const name = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1];
  return { blob: await response.blob(), name: name ?? `kontur.${format}` };
}

/**
 * A long run as a job: resolves to { keeper, answer }, its RESULT. onProgress(JOB) at each change; aborting the signal
 * cancels the job.
 *
 * image: a Blob. prompts: or null.
 */
export async function runJob({ image, method, options, prompts }, onProgress, signal) {
  const body = new FormData();
  body.append("image", image, "image.png");
  body.append("method", method);
  body.append("options", JSON.stringify(options));
  if (prompts) body.append("prompts", JSON.stringify(prompts));
  signal.throwIfAborted();
  // Not ended by the signal: a job whose name never arrives could not be cancelled.
  const making = get("/api/jobs", { method: "POST", body });
  const cancel = () => making.then(({ job }) => forget(`jobs/${job}`), () => {});
  signal.addEventListener("abort", cancel, { once: true });
  try {
    const { job } = await Promise.race([making, aborted(signal)]);
    const last = await followJob(job, onProgress, signal);
    if (last.state !== "done") throw new ApiError(last.state === "cancelled" ? 409 : 422, last.error ?? "");
    return { keeper: `jobs/${job}`, answer: (await get(`/api/jobs/${job}/result`, { signal })).results[0] };
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

/** Rejects once the signal is aborted. */
const aborted = (signal) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));

/** The last JOB of a job's events. */
function followJob(job, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const events = new EventSource(`/api/jobs/${job}/events`);
    const finish = (settle, value) => {
      events.close();
      settle(value);
    };
    events.addEventListener("progress", (event) => onProgress(JSON.parse(event.data)));
    events.addEventListener("end", () => finish(resolve, get(`/api/jobs/${job}`)));
    events.addEventListener("error", () => {
      if (events.readyState === EventSource.CLOSED) finish(reject, new ApiError(0, ""));
    });
    signal?.addEventListener("abort", () => finish(reject, new DOMException("cancelled", "AbortError")), { once: true });
  });
}
