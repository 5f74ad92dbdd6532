// The supervision tree as rows, children under their supervisor.

import type { TreeNode } from './types'

export interface Branch {
  node: TreeNode
  depth: number
}

export function branches(nodes: readonly TreeNode[]): Branch[] {
  const children = new Map<string, TreeNode[]>()
  for (const node of nodes) {
    const mine = children.get(node.supervisor) ?? []
    mine.push(node)
    children.set(node.supervisor, mine)
  }
  const found: Branch[] = []
  const walk = (supervisor: string, depth: number): void => {
    for (const node of children.get(supervisor) ?? []) {
      found.push({ node, depth })
      if (node.name !== supervisor) walk(node.name, depth + 1)
    }
  }
  walk('', 0)
  return found
}
