// Which build of the program this browser runs; its files are asked for while the page is still coming.
{
  /// A module whose only function is a fused multiply-add: f32x4.relaxed_madd of three constants.
  const RELAXED_SIMD = [
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0,
    65, 1, 253, 15, 65, 1, 253, 15, 65, 1, 253, 15, 253, 133, 2, 11,
  ];
  const { files } = JSON.parse(document.getElementById('build').textContent);
  /// `cargo xtask demo` builds the other program only. A page that lists no files has both.
  const built = 'diar-relaxed.js' in files || Object.keys(files).length === 0;
  // Without WebAssembly at all, the program does not load, which is said when that is tried.
  const relaxed = built && globalThis.WebAssembly?.validate(new Uint8Array(RELAXED_SIMD));
  const name = relaxed ? 'diar-relaxed' : 'diar-web';
  document.documentElement.dataset.program = name;

  for (const [file, rel, as] of [[`${name}.js`, 'modulepreload', ''], [`${name}_bg.wasm`, 'preload', 'fetch']]) {
    const link = Object.assign(document.createElement('link'), { rel, href: files[file]?.file ?? file });
    if (as) Object.assign(link, { as, crossOrigin: '' });
    document.head.append(link);
  }
}
