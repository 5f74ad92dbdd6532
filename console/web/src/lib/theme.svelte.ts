// Colours for charts, which cannot read custom properties themselves.

const NAMES = ['panel', 'line', 'ink', 'ink-2', 'ink-3', 'accent', 'up', 'down', 'warn', 'violet'] as const
export type Colours = Record<(typeof NAMES)[number], string>

function read(): Colours {
  const style = getComputedStyle(document.documentElement)
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])) as Colours
}

class Theme {
  colours = $state.raw<Colours>(read())
  constructor() {
    matchMedia('(prefers-color-scheme: light)').addEventListener('change', () => (this.colours = read()))
  }
}

export const theme = new Theme()
