// Before the first paint: light or dark, as chosen on an earlier visit, or as the system has it.
{
  const chosen = ifAllowed(() => localStorage.getItem('diar-theme'));
  const system = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  document.documentElement.dataset.ground = chosen ?? system;
}
