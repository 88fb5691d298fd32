// The user's choices: language and theme are stored, the key only if the user asks for it.

import { LANGUAGES } from "./words.js";

// Browsers may forbid storage (private windows, blocked cookies); then nothing is stored.
function remembered(area, name) {
  try {
    return window[area].getItem(name);
  } catch {
    return null;
  }
}

function remember(area, name, value) {
  try {
    if (value) window[area].setItem(name, value);
    else window[area].removeItem(name);
  } catch {
    // as above
  }
}

const systemDark = matchMedia("(prefers-color-scheme: dark)");

export const settings = {
  get language() {
    const wanted = [remembered("localStorage", "language"), ...navigator.languages];
    const known = wanted.map((tag) => tag?.slice(0, 2)).find((tag) => LANGUAGES.includes(tag));
    return known ?? "en";
  },

  set language(language) {
    remember("localStorage", "language", language);
  },

  get dark() {
    const chosen = remembered("localStorage", "theme");
    return chosen ? chosen === "dark" : systemDark.matches;
  },

  // A choice equal to the system's theme is not stored, so that the page follows later changes.
  set dark(dark) {
    const theme = dark ? "dark" : "light";
    remember("localStorage", "theme", dark === systemDark.matches ? null : theme);
  },

  get key() {
    return remembered("sessionStorage", "key") ?? "";
  },

  set key(key) {
    remember("sessionStorage", "key", key);
  },

  onSystemTheme(changed) {
    systemDark.addEventListener("change", changed);
  },
};
