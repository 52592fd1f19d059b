/**
 * Miners for the bench, in a process of their own: COUNT servers on loopback that think for THINKING_MS and report as
 * their completion how long they had the request, in milliseconds. They verify nothing, so that what is measured is
 * the asking side. Prints the ports as JSON.
 */
const [count = "1", thinkingMs = "0"] = process.argv.slice(2);

async function think(request: Request): Promise<Response> {
  const startedMs = performance.now();
  await request.arrayBuffer();
  await Bun.sleep(Number(thinkingMs));
  return Response.json({ completion: String(performance.now() - startedMs) });
}

const servers = Array.from({ length: Number(count) }, () =>
  Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: think }),
);
process.stdout.write(`${JSON.stringify(servers.map((server) => server.port))}\n`);
