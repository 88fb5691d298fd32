// The request as a program in several languages. A text may contain any character, so it is quoted
// by each language's rules. The key is never shown; the program reads it from the environment.

const KEY = "VITS_TTS_API_KEY";

const shell = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

function curl({ url, speech, file, secured }) {
  return [
    `curl -fsS ${shell(url)} -o ${file}`,
    ...(secured ? [`-H "Authorization: Bearer $${KEY}"`] : []),
    "-H 'Content-Type: application/json'",
    `-d ${shell(JSON.stringify(speech))}`,
  ].join(" \\\n     ");
}

// Strings and numbers as JSON.stringify writes them are valid Python too.
function python({ url, speech, file, secured }) {
  const fields = Object.entries(speech).map(
    ([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)},`,
  );
  return [
    "import json",
    ...(secured ? ["import os"] : []),
    "import urllib.request",
    "",
    "speech = {",
    ...fields,
    "}",
    "request = urllib.request.Request(",
    `    ${JSON.stringify(url)},`,
    "    data=json.dumps(speech).encode(),",
    "    headers={",
    '        "Content-Type": "application/json",',
    ...(secured ? [`        "Authorization": "Bearer " + os.environ["${KEY}"],`] : []),
    "    },",
    ")",
    `with urllib.request.urlopen(request) as answer, open("${file}", "wb") as file:`,
    "    while block := answer.read(65536):",
    "        file.write(block)",
  ].join("\n");
}

function javascript({ url, speech, file, secured }) {
  return [
    'import { writeFile } from "node:fs/promises";',
    "",
    `const speech = ${JSON.stringify(speech, null, 2)};`,
    `const answer = await fetch(${JSON.stringify(url)}, {`,
    '  method: "POST",',
    "  headers: {",
    '    "Content-Type": "application/json",',
    ...(secured ? [`    "Authorization": \`Bearer \${process.env.${KEY}}\`,`] : []),
    "  },",
    "  body: JSON.stringify(speech),",
    "});",
    "if (!answer.ok) throw new Error(await answer.text());",
    `await writeFile("${file}", answer.body);`,
  ].join("\n");
}

export const SNIPPETS = { curl, python, javascript };
