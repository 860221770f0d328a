// Shows how the program itself loads, and says so when it does not.
export default function boot() {
  const status = document.getElementById('boot-status');
  return {
    onStart() {},
    onProgress({ current, total }) {
      if (!status) return;
      const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
      // A compressed answer announces its compressed size, which says nothing here.
      const of = total >= current ? ` of ${megabytes(total)}` : '';
      status.textContent = `Loading the program: ${megabytes(current)}${of}`;
    },
    onComplete() {},
    onSuccess() {},
    onFailure(error) {
      window.showFailure(`The program did not load: ${error}`);
    },
  };
}
