// The client of the server: requests, their problems, and audio as it arrives.
// Paths are relative, so that they keep a prefix that a proxy puts before the page's path.

const WAV_HEADER_BYTES = 44;
const RATE_OFFSET = 24;
const DICTIONARIES = "v1/pronunciation-dictionaries";

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

  // Return the spoken text of a request.
  async reading({ text, dictionaries }, signal) {
    return (await this.#ask("normalize", { body: { text, dictionaries }, signal })).json();
  }

  // Return the caller's pronunciation dictionaries and the shared ones, without their rules.
  async dictionaries() {
    const found = [];
    let cursor = "";
    do {
      const path = `${DICTIONARIES}?page_size=100${cursor && `&cursor=${cursor}`}`;
      const page = await (await this.#ask(path)).json();
      found.push(...page.pronunciation_dictionaries);
      cursor = page.has_more ? page.next_cursor : "";
    } while (cursor);
    return found;
  }

  // Return a dictionary with its rules.
  async dictionary(id) {
    return (await this.#ask(`${DICTIONARIES}/${id}`)).json();
  }

  async newDictionary(name, rules) {
    return (await this.#ask(`${DICTIONARIES}/add-from-rules`, { body: { name, rules } })).json();
  }

  // Fails if another person has changed the dictionary since it was read, and so does `removeRule`.
  async addRules({ id, latest_version_id }, rules) {
    const body = { rules, expected_latest_version_id: latest_version_id };
    await this.#ask(`${DICTIONARIES}/${id}/add-rules`, { body });
  }

  async removeRule({ id, latest_version_id }, { string_to_replace }) {
    const body = { rule_strings: [string_to_replace], expected_latest_version_id: latest_version_id };
    await this.#ask(`${DICTIONARIES}/${id}/remove-rules`, { body });
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

  // Return the address of the WebSocket for voice agents. It cannot have the key in a header, so it
  // has a token that stands for the key.
  async agentAddress(voice, sampleRate) {
    const address = new URL(this.address(`v1/text-to-speech/${encodeURIComponent(voice)}/multi-stream-input`));
    address.protocol = address.protocol.replace("http", "ws");
    address.searchParams.set("output_format", `pcm_${sampleRate}`);
    if (this.key) {
      const { token } = await (await this.#ask("v1/tokens", { body: {} })).json();
      address.searchParams.set("token", token);
    }
    return address.href;
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
