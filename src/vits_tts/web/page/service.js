// The client of the server: requests, their problems, and audio as it arrives.
// Paths are relative, so that they keep a prefix that a proxy puts before the page's path.

const WAV_HEADER_BYTES = 44;
const RATE_OFFSET = 24;

// The reason why a request failed: a code of docs/HTTP.md, `unreachable` or `interrupted`.
export class Problem extends Error {
  constructor(code, { id = "", retryAfter = 1 } = {}) {
    super(code);
    this.code = code;
    this.id = id;
    this.retryAfter = retryAfter;
  }
}

export class Service {
  key = "";

  address(path) {
    return new URL(path, document.baseURI).href;
  }

  async voices() {
    return (await this.#ask("voices")).json();
  }

  async reading(text, signal) {
    return (await this.#ask("normalize", { body: { text }, signal })).json();
  }

  // Return the whole answer to a speech request as a Blob.
  async file(speech, signal) {
    const answer = await this.#ask("tts/stream", { body: speech, signal });
    return answer.blob().catch((error) => {
      throw interruption(error);
    });
  }

  // Yield the sample rate, then samples (Int16Array) as they arrive. Aborting the signal closes the
  // connection, so that the server stops synthesis.
  async *speech(speech, signal) {
    const answer = await this.#ask("tts/stream", { body: speech, signal });
    const reader = answer.body.getReader();
    let rest = new Uint8Array();
    let begun = false;
    for (;;) {
      const { done, value } = await reader.read().catch((error) => {
        throw interruption(error);
      });
      if (done) break;
      rest = rest.length ? joined(rest, value) : value;
      if (!begun && rest.length >= WAV_HEADER_BYTES) {
        yield new DataView(rest.buffer, rest.byteOffset).getUint32(RATE_OFFSET, true);
        rest = rest.subarray(WAV_HEADER_BYTES);
        begun = true;
      }
      const whole = rest.length & ~1; // a sample has two bytes, which may arrive separately
      if (begun && whole) {
        yield new Int16Array(rest.slice(0, whole).buffer);
        rest = rest.subarray(whole);
      }
    }
  }

  async #ask(path, { body, signal } = {}) {
    if (/[^!-~]/.test(this.key)) throw new Problem("key_invalid"); // a header cannot contain it
    const headers = this.key ? { Authorization: `Bearer ${this.key}` } : {};
    const options = { headers, signal, cache: "no-store" };
    if (body) {
      options.method = "POST";
      options.body = JSON.stringify(body);
      headers["Content-Type"] = "application/json";
    }
    const answer = await fetch(this.address(path), options).catch((error) => {
      throw error.name === "AbortError" ? error : new Problem("unreachable");
    });
    if (!answer.ok) throw await refusal(answer);
    return answer;
  }
}

function interruption(error) {
  return error.name === "AbortError" ? error : new Problem("interrupted");
}

async function refusal(answer) {
  const told = await answer.json().catch(() => ({}));
  return new Problem(told.error?.code ?? "other", {
    id: told.error?.request_id,
    retryAfter: Number(answer.headers.get("Retry-After")) || 1,
  });
}

function joined(first, second) {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
