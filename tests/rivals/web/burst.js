// How both workers measure: decisions in a burst, so that bursts of the two can take turns.

import { dispatches } from './dispatches.js';

/// Serves `{ prepare }` and `{ seconds }` messages. `decide()` makes one decision and gives its milliseconds, or
/// nothing for one that does not count.
export function serve({ prepare, decide }) {
  addEventListener('message', async ({ data }) => {
    if (!data.prepare && !data.seconds) return;
    try {
      if (data.prepare) postMessage({ prepared: await prepare(data.prepare) });
      else postMessage({ burst: await burst(data.seconds, decide) });
    } catch (error) {
      postMessage({ failed: String(error?.stack ?? error) });
    }
  });
}

async function burst(seconds, decide) {
  const millis = [];
  const counts = [];
  const end = performance.now() + 1000 * seconds;
  while (millis.length === 0 || performance.now() < end) {
    dispatches.count = 0;
    const time = await decide();
    if (time === undefined) continue;
    millis.push(time);
    counts.push(dispatches.count);
  }
  return { millis, counts };
}
