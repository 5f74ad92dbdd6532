// Keys for hands that know them; off while somebody types or a dialog is open.

import { PAGES, route } from './route.svelte'

export interface KeyActs {
  pause: () => void
  flatten: () => void
  emergency: () => void
  help: () => void
}

export const KEYS: readonly (readonly [string, string])[] = [
  ...PAGES.map((page, at) => [String(at + 1), page.name] as const),
  ['p', 'PAUSE: no new entries'],
  ['f', 'FLATTEN: asks first'],
  ['Shift E', 'EMERGENCY: asks for the word'],
  ['/', 'Search on this page'],
  ['Esc', 'Close'],
  ['?', 'This list'],
]

export function useKeys(acts: KeyActs): (event: KeyboardEvent) => void {
  return (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return
    if (isTyping(event.target) || document.querySelector('dialog[open]')) return
    const page = PAGES[Number(event.key) - 1]
    if (page) route.go(page.id)
    else if (event.key === 'p') acts.pause()
    else if (event.key === 'f') acts.flatten()
    else if (event.key === 'E') acts.emergency()
    else if (event.key === '?') acts.help()
    else if (event.key === '/') {
      const search = document.querySelector<HTMLInputElement>('input[type=search]')
      if (!search) return
      event.preventDefault()
      search.focus()
    }
  }
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]')
}
