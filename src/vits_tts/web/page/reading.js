// What will be read: the normalised text, with what was written otherwise beside it.

// Return the nodes that show a reading of `/normalize`; places in it count code points of `text`.
export function readingNodes(text, { stretches }, words) {
  const letters = [...text];
  return gathered(letters, stretches).map(({ said, written }) => {
    if (written === null) return document.createTextNode(said);
    const mark = document.createElement("mark");
    const original = document.createElement("small");
    original.textContent = written;
    const unseen = document.createElement("span");
    unseen.className = "unseen";
    unseen.lang = words.language;
    unseen.textContent = ` (${words.say("written", { written })})`;
    original.setAttribute("aria-hidden", "true");
    mark.append(original, said, unseen);
    return mark;
  });
}

// Join neighbours: rewritten stretches that touch (5kg) are one, and so is what lies between.
function gathered(letters, stretches) {
  const parts = [];
  for (const { text, start, end } of stretches) {
    const original = letters.slice(start, end).join("");
    const rewritten = bare(text) !== bare(original) && bare(text) !== "";
    const last = parts.at(-1);
    if (last && rewritten === (last.written !== null) && (!rewritten || last.end === start)) {
      last.said += text;
      if (rewritten) last.written += original;
      last.end = end;
    } else {
      parts.push({ said: text, written: rewritten ? original : null, end });
    }
  }
  return parts;
}

// What counts when a text and its reading are compared: letters and digits, as if all were small.
const bare = (text) => text.normalize("NFC").toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "");
