// A static server for the built page, on a port of its own.

import { createReadStream, readFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants } from 'node:zlib';

const TYPES = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.mjs': 'text/javascript',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

/// What a built page is made of: names, and the files they stand for.
export const build = (folder) =>
  JSON.parse(readFileSync(join(folder, 'index.html'), 'utf8').match(/id="build">(.*?)<\/script>/)[1]);

const HASH = /-[0-9a-f]{12}(?=\.\w+$)/;
/// As good as every host packs; the level is one that a host can afford.
const pack = (bytes) => promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } });

/// Serves `folder`; `replaced` maps a path, with or without a hash, to `{ status, body }`, given instead of the file, or
/// to `{ hangs: true }`: then no answer comes. With `claims` the body is cut off, after so many bytes were announced; with
/// `stream`, a function answers.
/// `mounts` maps prefixes of paths, as in `/ort/`, to other folders, and every file comes with `headers`. With
/// `compress`, text and code come packed with brotli, which takes its time at the first request for a file.
export async function serve(folder, replaced = {}, { mounts = {}, headers = {}, compress = false } = {}) {
  const packed = new Map();
  const requests = [];
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
    requests.push(path);
    const substitute = replaced[path] ?? replaced[path.replace(HASH, '')];
    if (substitute?.hangs) return;
    if (substitute?.stream) {
      substitute.stream(response);
      return;
    }
    if (substitute) {
      const length = substitute.claims && { 'Content-Length': substitute.claims };
      response.writeHead(substitute.status, { 'Content-Type': TYPES[extname(path === '/' ? 'index.html' : path)] ?? 'application/octet-stream', ...length });
      if (substitute.claims) {
        // Cut off: less than was announced.
        response.write(substitute.body, () => response.destroy());
        return;
      }
      response.end(substitute.body);
      return;
    }
    const prefix = Object.keys(mounts).find((mount) => path.startsWith(mount));
    const [root, inside] = prefix ? [mounts[prefix], path.slice(prefix.length - 1)] : [folder, path];
    const file = join(root, normalize(inside === '/' ? '/index.html' : inside));
    const found = await stat(file).catch(() => null);
    if (!found?.isFile()) {
      // As most hosts do.
      const page = await readFile(join(root, '404.html')).catch(() => 'Not Found');
      response.writeHead(404, { 'Content-Type': 'text/html' });
      response.end(page);
      return;
    }
    const type = TYPES[extname(file)] ?? 'application/octet-stream';
    const caching = { 'Cache-Control': HASH.test(path) ? 'max-age=31536000, immutable' : 'no-cache' };
    if (compress && extname(file) in TYPES) {
      if (!packed.has(file)) packed.set(file, readFile(file).then(pack));
      const body = await packed.get(file);
      const coding = { 'Content-Encoding': 'br', 'Content-Length': body.length };
      response.writeHead(200, { 'Content-Type': type, ...coding, ...caching, ...headers });
      response.end(body);
      return;
    }
    response.writeHead(200, { 'Content-Type': type, 'Content-Length': found.size, ...caching, ...headers });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://localhost:${server.address().port}/`,
    /// Paths of all requests so far.
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

/// Journeys on a folder that is served meanwhile, whatever happens in them.
export const hosting = (folder) => async (journey, replaced = {}, options = {}) => {
  const site = await serve(folder, replaced, options);
  try {
    return await journey(site);
  } finally {
    await site.close();
  }
};
