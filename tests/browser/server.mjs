// A static server for the built page, on a port of its own.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

const TYPES = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.mjs': 'text/javascript',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

/// Serves `folder`; `replaced` maps a path to `{ status, body }`, given instead of the file. `mounts` maps prefixes of
/// paths, as in `/ort/`, to other folders, and every file comes with `headers`.
export async function serve(folder, replaced = {}, { mounts = {}, headers = {} } = {}) {
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
    const substitute = replaced[path];
    if (substitute) {
      response.writeHead(substitute.status, { 'Content-Type': 'application/octet-stream' });
      response.end(substitute.body);
      return;
    }
    const prefix = Object.keys(mounts).find((mount) => path.startsWith(mount));
    const [root, inside] = prefix ? [mounts[prefix], path.slice(prefix.length - 1)] : [folder, path];
    const file = join(root, normalize(inside === '/' ? '/index.html' : inside));
    const found = await stat(file).catch(() => null);
    if (!found?.isFile()) {
      response.writeHead(404, { 'Content-Type': 'text/plain' });
      response.end('Not Found');
      return;
    }
    const type = TYPES[extname(file)] ?? 'application/octet-stream';
    response.writeHead(200, { 'Content-Type': type, 'Content-Length': found.size, ...headers });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://localhost:${server.address().port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}
