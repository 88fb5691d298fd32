// Shows the description in RapiDoc. The server's address in it is relative to the description itself,
// which RapiDoc does not understand; so it is made absolute here.
const view = document.querySelector("rapi-doc");
const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = () => view.setAttribute("theme", dark.matches ? "dark" : "light");

async function show() {
  const source = new URL("openapi.json", document.baseURI);
  const description = await (await fetch(source)).json();
  for (const server of description.servers) {
    server.url = new URL(server.url, source).href.replace(/\/$/, "");
  }
  await customElements.whenDefined("rapi-doc");
  view.loadSpec(description);
}

theme();
dark.addEventListener("change", theme);
show();
