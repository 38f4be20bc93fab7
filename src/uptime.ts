/**
 * Milliseconds since this process started, by a clock that nobody sets. As `performance.now()`, for what runs at every
 * start: that loads eight modules to tell the time.
 */
export function uptimeMs(): number {
  return process.uptime() * 1000;
}
