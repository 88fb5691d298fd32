// Shows the spoken text, with the source beside each part that was rewritten.

// Return the nodes that show an answer of `/normalize`; its places count code points of `text`.
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

// Join adjacent rewritten stretches (5kg) into one part, and unchanged ones between them too.
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

// Return only the letters and digits in lower case, to compare a text with its spoken form.
const bare = (text) => text.normalize("NFC").toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "");
