// The form: the text, the voice, the speed, and the format of the download.

const SPEEDS = [0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 2];

export const EXAMPLES = {
  numbers:
    "Xin chào! Chuyến tàu khởi hành lúc 19h25 ngày 20/11, giá vé 1.250.000đ, hành lý tối đa 20kg.",
  news:
    "Sáng nay, nhiệt độ tại Hà Nội xuống 14°C, thấp nhất từ đầu mùa. TP.HCM có mưa vài nơi, " +
    "khoảng 30% diện tích. Bà con ra đường nhớ mặc ấm!",
  poem:
    "Trong đầm gì đẹp bằng sen,\nLá xanh, bông trắng, lại chen nhị vàng.\n" +
    "Nhị vàng, bông trắng, lá xanh,\nGần bùn mà chẳng hôi tanh mùi bùn.",
};

// The sentence to try a voice with, the same for all so that they can be compared.
export const SENTENCE = "Xin chào! Rất vui được gặp bạn. Hôm nay trời đẹp, mình cùng đi dạo nhé?";

const part = (name) => document.getElementById(name);

export class Form {
  #voices = [];
  dictionaries = []; // the names of those that are used

  constructor({ formats, maxTextChars }, changed) {
    this.limit = Number(maxTextChars);
    this.text = part("text");
    this.voice = part("voice");
    this.speaker = part("speaker");
    this.speed = part("speed");
    this.format = part("format");
    this.text.value = EXAMPLES.numbers;
    fill(this.speed, SPEEDS.map(String));
    this.speed.value = "1";
    fill(this.format, formats.split(" "), (name) => name.toUpperCase());
    for (const place of [part("form"), this.format]) place.addEventListener("input", changed);
    this.voice.addEventListener("change", () => this.#showVoice());
    for (const chip of document.querySelectorAll("[data-example]")) {
      chip.addEventListener("click", () => {
        this.text.value = EXAMPLES[chip.dataset.example];
        this.text.focus();
        changed();
      });
    }
  }

  get length() {
    return [...this.text.value].length; // in code points, as the server counts
  }

  get sampleRate() {
    return this.#chosen?.sample_rate ?? 22050;
  }

  // Return the parameters of the request, without those that have their default.
  get speech() {
    const voice = this.#chosen;
    return {
      text: this.text.value,
      ...(voice && !voice.default && { voice: voice.name }),
      ...(voice?.speakers.length && { speaker: this.speaker.value }),
      ...(this.speed.value !== "1" && { speed: Number(this.speed.value) }),
      ...(this.dictionaries.length && { dictionaries: this.dictionaries }),
    };
  }

  get #chosen() {
    return this.#voices.find(({ name }) => name === this.voice.value);
  }

  // True once the voices are known.
  get offered() {
    return this.#voices.length > 0;
  }

  // Show the voices of `/voices`.
  offer(voices, words) {
    const before = this.voice.value;
    this.#voices = voices;
    fill(this.voice, voices.map(({ name }) => name));
    if (voices.some(({ name }) => name === before)) this.voice.value = before;
    this.show(words);
  }

  show(words) {
    this.words = words;
    this.text.placeholder = words.say("placeholder");
    for (const option of this.speed.options) {
      option.textContent = `${words.number(option.value, option.value % 0.5 ? 2 : 1)}×`;
    }
    if (!this.#voices.length) fill(this.voice, [""], () => words.say("no_voices"));
    part("try").disabled = !this.#voices.length;
    this.count();
    this.#showVoice();
  }

  count() {
    const [count, limit] = [this.length, this.limit].map((value) => this.words.number(value));
    part("count").textContent = this.words.say("count", { count, limit });
    part("count").classList.toggle("over", this.length > this.limit);
    part("text").setAttribute("aria-invalid", String(this.length > this.limit));
  }

  #showVoice() {
    const voice = this.#chosen;
    const speakers = voice?.speakers ?? [];
    if (this.speaker.dataset.voice !== this.voice.value) fill(this.speaker, speakers);
    this.speaker.dataset.voice = this.voice.value;
    part("speaker-field").hidden = !speakers.length;
    showLicence(part("licence"), voice, this.words);
  }
}

function fill(select, values, label = (value) => value) {
  select.replaceChildren(...values.map((value) => new Option(label(value), value)));
}

function showLicence(place, voice, words) {
  place.replaceChildren();
  if (!voice) return;
  const [before, after] = words.say("licence", { licence: "\n" }).split("\n");
  let name = document.createTextNode(voice.licence);
  if (/^https?:/.test(voice.licence_url ?? "")) {
    name = document.createElement("a");
    name.textContent = voice.licence;
    name.href = voice.licence_url;
    name.rel = "license noreferrer";
  }
  place.append(before, name, after);
  const use = { true: "commercial", false: "not_commercial" }[voice.commercial];
  if (use) place.append(` · ${words.say(use)}`);
  if (voice.attribution) place.append(` · ${voice.attribution}`);
}
