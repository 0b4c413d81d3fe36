// Reads SOQL texts, a JSON list of them at a time from standard input, and answers with what the parser makes of each, or why it is none.
import { parseQuery } from "@jetstreamapp/soql-parser-js";
import { createInterface } from "node:readline";

const read = (text) => {
  try {
    return { query: parseQuery(text) };
  } catch (fault) {
    return { fault: String(fault.message) };
  }
};

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(JSON.parse(line).map(read)) + "\n");
}
