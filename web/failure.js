// Before anything else: whatever keeps the program from starting must be seen.
window.showFailure = (reason) => {
  document.getElementById('fatal-reason').textContent = reason;
  document.getElementById('fatal').hidden = false;
  document.getElementById('boot')?.remove();
};
{
  const failed = (reason) => {
    // Once the page is up, it tells its troubles itself.
    if (document.getElementById('boot')) window.showFailure(reason);
  };
  addEventListener('error', (event) => {
    const part = event.target?.src || event.target?.href;
    failed(event.message ?? `${part || 'A part of the page'} could not be loaded.`);
  }, true);
  addEventListener('unhandledrejection', (event) => failed(String(event.reason)));
  addEventListener('click', (event) => {
    if (event.target.id === 'reload') location.reload();
  });
}
