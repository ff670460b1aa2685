// Adds a bearer token to every request on its way to the server under test.
//
//   node auth-proxy.mjs TARGET_HOST:PORT TOKEN_FILE
//
// The conformance suite cannot send an Authorization header. This proxy edits the raw request head
// only, so that what the suite tests (header case, white space, foreign Host and Origin values)
// reaches the server as it was sent. Its own address in Host and Origin becomes the server's, as a
// direct client would send it. Prints its port on the first line of standard output.
import { readFileSync } from "node:fs";
import net from "node:net";

const [target, tokenFile] = process.argv.slice(2);
const [host, port] = target.split(":");
const token = readFileSync(tokenFile, "utf8").trim();

function rewriteHead(head, ownAuthority) {
  const lines = head.split("\r\n").filter((line) => !/^(connection|authorization):/i.test(line));
  const rewritten = lines.map((line) =>
    /^(host|origin):/i.test(line) ? line.replace(ownAuthority, target) : line,
  );
  // One request per connection: only the first head is edited, so no second one may follow.
  return [...rewritten, "Connection: close", `Authorization: Bearer ${token}`].join("\r\n");
}

const proxy = net.createServer((client) => {
  let received = Buffer.alloc(0);
  const onData = (chunk) => {
    received = Buffer.concat([received, chunk]);
    const end = received.indexOf("\r\n\r\n");
    if (end < 0) return;
    client.off("data", onData).pause();
    const server = net.connect(Number(port), host);
    server.write(rewriteHead(received.toString("latin1", 0, end), `127.0.0.1:${proxy.address().port}`), "latin1");
    server.write(received.subarray(end));
    client.pipe(server).pipe(client);
    server.on("error", () => client.destroy());
    client.on("close", () => server.destroy());
  };
  client.on("data", onData).on("error", () => client.destroy());
});
proxy.listen(0, "127.0.0.1", () => console.log(proxy.address().port));
