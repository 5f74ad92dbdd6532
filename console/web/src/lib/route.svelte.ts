// Which page is open, with its filters, in the address: `#/trades?strategy=…`.

export const PAGES = [
  { id: 'command', name: 'Command' },
  { id: 'instrument', name: 'Instrument' },
  { id: 'risk', name: 'Risk' },
  { id: 'trades', name: 'Trades' },
  { id: 'post-mortem', name: 'Post-mortem' },
  { id: 'system', name: 'System' },
  { id: 'logs', name: 'Logs' },
] as const

export type PageId = (typeof PAGES)[number]['id']

class Route {
  page = $state<PageId>('command')
  query = $state.raw<Record<string, string>>({})

  constructor() {
    this.#read()
    addEventListener('hashchange', () => this.#read())
  }

  go(page: PageId, query: Record<string, string> = {}): void {
    location.hash = hrefOf(page, query).slice(1)
  }

  /** Other filters on the same page, without another step in the history. */
  filter(query: Record<string, string>): void {
    history.replaceState(null, '', hrefOf(this.page, query))
    this.#read()
  }

  #read(): void {
    const [path, query] = location.hash.replace(/^#\/?/, '').split('?')
    this.page = PAGES.find((each) => each.id === path)?.id ?? 'command'
    this.query = Object.fromEntries(new URLSearchParams(query ?? ''))
  }
}

export function hrefOf(page: PageId, query: Record<string, string> = {}): string {
  const kept = Object.entries(query).filter(([, value]) => value !== '')
  const text = new URLSearchParams(kept).toString()
  return `#/${page}${text ? `?${text}` : ''}`
}

export const route = new Route()
