// Counts WebGPU dispatches of the worker that imports this, whoever makes them. To be imported first.

export const dispatches = { count: 0 };

const pass = globalThis.GPUComputePassEncoder?.prototype;
for (const name of pass ? ['dispatchWorkgroups', 'dispatchWorkgroupsIndirect'] : []) {
  const original = pass[name];
  pass[name] = function (...sizes) {
    dispatches.count += 1;
    return original.apply(this, sizes);
  };
}
