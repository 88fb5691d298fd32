// The pronunciation dictionaries: which one is used, and its rules, each with a button to hear it.

import { released } from "./press.js";
import { Problem } from "./service.js";

const NEW = "\n"; // the choice of a new dictionary; no name has a line end
const part = (name) => document.getElementById(name);

export class Dictionary {
  #known = []; // the dictionaries that the server lists
  #open = null; // the chosen one, with its rules
  #problem = null;

  // `hear` speaks a request; `changed` is called when the next speech may sound different.
  constructor(service, { hear, changed }) {
    this.service = service;
    this.hear = hear;
    this.changed = changed;
    this.choice = part("dictionary");
    this.choice.addEventListener("change", () => this.#choose());
    part("rule").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#add();
    });
    part("rule-hear").addEventListener("click", () => {
      if (this.#complete(part("rule-word"), part("rule-reading"))) this.hear(heard(this.#written));
    });
  }

  // The parameter of a speech request.
  get names() {
    return this.#open ? [this.#open.name] : [];
  }

  async load() {
    this.#problem = null;
    try {
      this.#known = await this.service.dictionaries();
    } catch (error) {
      // Problems with the key or the connection are shown by the request for the voices.
      if (/^dictionar/.test(error.code)) this.#problem = error;
    }
    released(() => this.show());
  }

  show(words = this.words) {
    this.words = words;
    const chosen = this.#open?.id ?? (this.choice.value === NEW ? NEW : "");
    this.choice.replaceChildren(
      new Option(words.say("dictionary_none"), ""),
      ...this.#known.map(({ id, name }) => new Option(name, id)),
      new Option(words.say("dictionary_new"), NEW),
    );
    this.choice.value = chosen;
    for (const option of part("rule-type").options) {
      option.textContent = words.say(`rule_${option.value}`);
    }
    this.#showRules();
    this.#showProblem(this.#problem);
  }

  // --- what the user does ---

  async #choose() {
    const id = this.choice.value;
    this.#open = null;
    await this.#attempt(async () => {
      if (id && id !== NEW) this.#open = await this.service.dictionary(id);
    });
    this.#showRules();
    if (id === NEW) part("dictionary-name").focus();
    this.changed();
  }

  async #add() {
    const name = part("dictionary-name");
    const fields = [part("rule-word"), part("rule-reading")];
    if (!this.#open) fields.unshift(name);
    if (!this.#complete(...fields)) return;
    const rules = [this.#written];
    const added = await this.#attempt(async () => {
      if (this.#open) {
        await this.service.addRules(this.#open, rules);
      } else {
        const { id } = await this.service.newDictionary(name.value.trim(), rules);
        this.#known = await this.service.dictionaries();
        this.#open = { id };
      }
      await this.#reload();
    });
    if (!added) return;
    for (const field of fields) field.value = "";
    part("rule-word").focus();
  }

  async #remove(rule) {
    await this.#attempt(async () => {
      await this.service.removeRule(this.#open, rule);
      await this.#reload();
    });
    part("rule-word").focus(); // because the pressed button is gone
  }

  async #reload() {
    this.#open = await this.service.dictionary(this.#open.id);
    this.show();
    this.changed();
  }

  // Do something, show the reason if it fails, and return whether it succeeded.
  async #attempt(work) {
    this.#showProblem(null);
    try {
      await work();
      return true;
    } catch (error) {
      this.#showProblem(error);
      // Another person has changed the dictionary meanwhile: show the present rules.
      if (error.code === "dictionary_conflict" && this.#open) {
        this.#open = await this.service.dictionary(this.#open.id).catch(() => null);
        this.#showRules();
      }
      return false;
    }
  }

  // --- the parts of the page ---

  // The rule in the fields.
  get #written() {
    const [word, reading] = [part("rule-word"), part("rule-reading")].map(({ value }) => value.trim());
    const rule = { string_to_replace: word, type: part("rule-type").value };
    return rule.type === "alias"
      ? { ...rule, alias: reading }
      : { ...rule, phoneme: reading, alphabet: "ipa" };
  }

  // Return whether all fields are filled in; move the focus to the first one that is not.
  #complete(...fields) {
    const empty = fields.find(({ value }) => !value.trim());
    empty?.focus();
    return !empty;
  }

  #showRules() {
    const isNew = this.choice.value === NEW && !this.#open;
    const editable = isNew || ["admin", "editor"].includes(this.#open?.permission_on_resource);
    part("dictionary-name-field").hidden = !isNew;
    part("rule").hidden = !editable;
    part("rules").replaceChildren(
      ...(this.#open?.rules ?? []).map((rule) => this.#item(rule, editable)),
    );
  }

  #item(rule, editable) {
    const item = document.createElement("li");
    const [word, reading] = [document.createElement("b"), document.createElement("span")];
    word.lang = "vi";
    word.textContent = rule.string_to_replace;
    reading.lang = rule.type === "alias" ? "vi" : "und-fonipa";
    reading.textContent = rule.alias ?? `/${rule.phoneme}/`;
    item.append(word, reading, this.#button("rule_hear", rule, () => this.hear(heard(rule))));
    if (editable) item.append(this.#button("rule_remove", rule, () => this.#remove(rule)));
    return item;
  }

  #button(name, rule, pressed) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = this.words.say(name);
    button.setAttribute("aria-label", `${button.textContent}: ${rule.string_to_replace}`);
    button.addEventListener("click", pressed);
    return button;
  }

  #showProblem(error) {
    this.#problem = error;
    part("dictionary-problem").hidden = !error;
    if (!error) return;
    const code = error instanceof Problem ? error.code : "other";
    const known = this.words.say(`errors.${code}`) ? code : "other";
    part("dictionary-problem").textContent = this.words.say(`errors.${known}`, {
      seconds: error.retryAfter,
      id: error.id,
    });
  }
}

// Return the request that speaks the word of a rule as the rule says.
function heard({ type, string_to_replace: word, alias, phoneme, alphabet }) {
  const inner =
    type === "alias"
      ? `<sub alias="${escaped(alias)}">${escaped(word)}</sub>`
      : `<phoneme alphabet="${alphabet ?? "ipa"}" ph="${escaped(phoneme)}">${escaped(word)}</phoneme>`;
  return { text: `<speak>${inner}</speak>`, input: "ssml" };
}

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escaped = (text) => text.replace(/[&<>"]/g, (sign) => ENTITIES[sign]);
