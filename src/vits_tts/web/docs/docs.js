// Shows the description in RapiDoc, which does not understand that the server's address in it is
// relative to the description itself, and which would fill in examples of whatever may be left out.
const view = document.querySelector("rapi-doc");
const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = () => {
  view.setAttribute("theme", dark.matches ? "dark" : "light");
  view.setAttribute("primary-color", dark.matches ? "#fb923c" : "#b93815");
};

async function show() {
  const source = new URL("openapi.json", document.baseURI);
  const description = await (await fetch(source)).json();
  for (const server of description.servers) {
    server.url = new URL(server.url, source).href.replace(/\/$/, "");
  }
  for (const operation of Object.values(description.paths).flatMap(Object.values)) {
    for (const parameter of operation.parameters ?? []) {
      parameter["x-fill-example"] = parameter.required ? "yes" : "no";
    }
  }
  const keys = "securitySchemes" in description.components;
  view.setAttribute("allow-authentication", String(keys));
  await customElements.whenDefined("rapi-doc");
  view.loadSpec(description);
}

// RapiDoc offers sound for download only.
const player = document.querySelector("audio");
view.addEventListener("after-try", ({ detail }) => {
  const sound = detail.responseBody;
  URL.revokeObjectURL(player.src);
  player.hidden = !(sound instanceof Blob && sound.type.startsWith("audio/"));
  if (!player.hidden) {
    player.src = URL.createObjectURL(sound);
  }
});

theme();
dark.addEventListener("change", theme);
show();
