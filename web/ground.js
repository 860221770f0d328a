// Before the first paint: light or dark, as chosen on an earlier visit, or as the system has it.
{
  let chosen = null;
  try {
    chosen = localStorage.getItem('diar-theme');
  } catch {
    // Storage may be forbidden; then nothing is remembered.
  }
  const system = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  document.documentElement.dataset.ground = chosen ?? system;
}
