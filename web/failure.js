// Before anything else: whatever keeps the program from starting is said, with its cause, in one sentence.

/// What a browser may refuse to give (storage, caches, service workers): the answer, or nothing where asking fails.
window.ifAllowed = (ask) => {
  try {
    const answer = ask();
    return answer instanceof Promise ? answer.catch(() => undefined) : answer;
  } catch {
    return undefined;
  }
};

{
  /// A module whose only function makes a vector: i8x16.splat of a constant.
  const SIMD = [
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 1, 253, 15, 11,
  ];

  /// Why no program can run here, where that does not depend on the program.
  const obstacle = () => {
    if (location.protocol === 'file:') {
      return 'The page was opened as a file, and browsers load no program from files: serve its folder (run `python3 -m http.server` in it) and open http://localhost:8000 instead.';
    }
    if (!globalThis.WebAssembly) {
      return 'This browser has no WebAssembly, or it is switched off: allow it, or open the page in a browser of 2023 or later.';
    }
    if (!WebAssembly.validate(new Uint8Array(SIMD))) {
      return 'This browser has no WebAssembly SIMD: open the page in a browser of 2023 or later.';
    }
    if (self.origin === 'null') {
      return 'The page is in a frame that keeps it apart from its own site: add allow-same-origin to the frame’s sandbox attribute, or open the page in a tab of its own.';
    }
    return null;
  };

  window.showFailure = (reason) => {
    document.getElementById('fatal-reason').textContent = obstacle() ?? reason;
    document.getElementById('fatal').hidden = false;
    document.getElementById('boot')?.remove();
  };
  const failed = (reason) => {
    // Once the page is up, it tells its troubles itself.
    if (document.getElementById('boot')) window.showFailure(reason);
  };
  addEventListener('error', (event) => {
    // A link only asks for a file early; who needs the file says so when it does not come.
    if (event.target instanceof HTMLLinkElement) return;
    const part = event.target?.src || event.target?.href;
    failed(event.message ?? `${part || 'A part of the page'} could not be loaded.`);
  }, true);
  addEventListener('unhandledrejection', (event) => failed(String(event.reason)));
  addEventListener('click', (event) => {
    if (event.target.id === 'reload') location.reload();
  });
}
