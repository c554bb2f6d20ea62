import { Monitor } from '../../monitor/monitor.js';
import type { StreamEnvironment } from '../environment.js';
import { monitorPlan } from '../outputs/plan.js';

/** A stream's monitor, if it is configured. */
export function openMonitor({ config, events }: Pick<StreamEnvironment, 'config' | 'events'>): Monitor | undefined {
  const { name, monitor } = config;
  if (!monitor.enabled) return undefined;
  return new Monitor({
    ...{ name, ...monitorPlan(monitor), viewers: monitor.viewers, origins: monitor.origins ?? [] },
    onDropped: () => events.emit({ type: 'monitor-dropped' }),
  });
}
