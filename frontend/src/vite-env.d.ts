/// <reference types="vite/client" />
declare module "@alpinejs/csp" {
  interface AlpineStatic {
    start(): void;
  }
  const Alpine: AlpineStatic;
  export default Alpine;
}
