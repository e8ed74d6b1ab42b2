// How the page is built: into the Python package, the same bytes on every machine.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  base: './',
  build: {
    outDir: '../src/pmengine/gateways/page/static',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: {
    proxy: {
      '/api': 'http://127.0.0.1:8080',
      '/page.json': 'http://127.0.0.1:8080',
      '/depth': { target: 'ws://127.0.0.1:8080', ws: true },
      '/user': { target: 'ws://127.0.0.1:8080', ws: true },
    },
  },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
});
