// The host looks for this file in the package root.
export { normalizeCompatibilityConfig } from "./dist/src/host/contract.js";
