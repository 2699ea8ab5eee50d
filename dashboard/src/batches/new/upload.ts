// Sends a file to become a batch, and tells how far it is. `fetch` does not tell what has been sent.

import { HeadwayError, type BatchOptions, type Job, type Problem } from "@headway/client";

export interface Sent {
  readonly bytes: number;
  readonly total: number;
}

interface UploadRequest {
  /** The server's `api/v1/batches`. */
  readonly address: string;
  readonly content: Blob;
  readonly name: string;
  readonly options: BatchOptions;
  /** Sent again with the same key, a request makes no second batch. */
  readonly idempotencyKey: string;
  readonly onSent: (sent: Sent) => void;
  readonly signal: AbortSignal;
}

/** The batch that the file has become. A refusal is a `HeadwayError`, as the client's are. */
export function upload({ address, content, name, options, idempotencyKey, onSent, signal }: UploadRequest): Promise<Job> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = (): void => {
      request.abort();
    };
    const end = (settle: () => void): void => {
      signal.removeEventListener("abort", abort);
      settle();
    };
    const parts = new FormData();
    // The options come first: the server reads the file as it comes.
    parts.append("options", JSON.stringify(options));
    parts.append("file", content, name);
    request.open("POST", address);
    request.setRequestHeader("accept", "application/json");
    request.setRequestHeader("idempotency-key", idempotencyKey);
    request.upload.onprogress = ({ loaded, total }) => {
      onSent({ bytes: loaded, total });
    };
    request.onload = () => {
      end(() => {
        try {
          resolve(answerOf(request.status, request.responseText));
        } catch (error) {
          reject(error instanceof Error ? error : new HeadwayError(String(error)));
        }
      });
    };
    request.onerror = () => {
      end(() => {
        reject(new HeadwayError("the server cannot be reached, or it has ended the upload"));
      });
    };
    request.onabort = () => {
      end(() => {
        reject(new DOMException("the upload was cancelled", "AbortError"));
      });
    };
    signal.addEventListener("abort", abort);
    if (signal.aborted) {
      reject(new DOMException("the upload was cancelled", "AbortError"));
      return;
    }
    request.send(parts);
  });
}

/** The document of an answer, or its refusal as an error. */
export function answerOf(status: number, text: string): Job {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new HeadwayError(`the server answered ${status} without a document`, { status });
  }
  if (status >= 200 && status < 300) return body as Job;
  const { detail, code } = body as Partial<Problem>;
  if (typeof detail !== "string" || typeof code !== "string") throw new HeadwayError(`the server answered ${status}`, { status });
  throw new HeadwayError(detail, { status, problem: body as Problem });
}
