// Asks a server by Pipedrive's own client, and prints what was refused: a parameter that this client does not know does not reach the
// server. Read from the standard input: {origin, token, questions: [{version, api, method, params}]}.
const { v1, v2 } = require("pipedrive");

async function main() {
  const { origin, token, questions } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
  const versions = { v1, v2 };
  const refused = [];
  for (const { version, api, method, params } of questions) {
    const configuration = new versions[version].Configuration({ accessToken: token, basePath: `${origin}/api/${version}` });
    try {
      await new versions[version][api](configuration)[method](params);
    } catch (refusal) {
      refused.push(refusal);
    }
  }
  console.log(JSON.stringify(refused));
}

main();
