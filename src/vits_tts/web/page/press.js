// The pointer while it is pressed. What moves the page then would move a control from under it: the
// release would be on another one, and the press would do nothing.

let release = null; // ends the wait for the present press
let pressed = null;

document.addEventListener("pointerdown", ({ target }) => {
  if (target.closest("select")) return; // opens at once, and its list may keep the release
  release?.();
  pressed = new Promise((resolve) => (release = resolve));
}, true);

// A click follows the end of its press, and has to find the page as it was.
function ended() {
  const end = release;
  setTimeout(() => {
    if (end === release) release = pressed = null;
    end?.();
  });
}

for (const name of ["pointerup", "pointercancel", "dragend", "contextmenu"]) {
  document.addEventListener(name, ended, true);
}
window.addEventListener("blur", ended);

// Call `act` at once, or after the press that is under way and its click.
export function released(act) {
  if (pressed) pressed.then(() => released(act));
  else act();
}
