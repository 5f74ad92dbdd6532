"""How a post-mortem's page looks: dark and light by the reader's setting, and printed."""

from typing import Final

STYLE: Final = """
:root{color-scheme:dark;--ground:#0d1116;--panel:#131920;--line:#242e39;--ink:#e7edf3;--ink2:#a9b6c3;
--ink3:#8795a3;--up:#4cc38a;--down:#ff8080;--accent:#6cb6ff;--warn:#e9b44c;--violet:#b79cff}
@media(prefers-color-scheme:light){:root{color-scheme:light;--ground:#f3f5f8;--panel:#fff;
--line:#dbe1e8;--ink:#16202b;--ink2:#455362;--ink3:#606d7b;--up:#0b6e4a;--down:#b3261e;
--accent:#1560b3;--warn:#7d5200;--violet:#6a3fd0}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:13px/1.45 system-ui,sans-serif;
font-variant-numeric:tabular-nums}
header,main{max-width:1180px;margin:0 auto;padding:14px}
h1{margin:0;font-size:18px;overflow-wrap:anywhere}h2{margin:0 0 8px;font-size:13px}
header p,.quiet,dt,th,.legend{color:var(--ink3)}p{margin:4px 0}
section{margin:0 0 10px;padding:10px 12px;background:var(--panel);border:1px solid var(--line);
border-radius:6px}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(130px,1fr));gap:10px;margin:0}
dt{font-size:11px}dd{margin:0;font-size:15px;font-weight:550;overflow-wrap:anywhere}
.up{color:var(--up)}.down{color:var(--down)}
.scroll{overflow-x:auto;margin-bottom:8px}
table{width:100%;border-collapse:collapse}
th{text-align:left;font-weight:500;font-size:11px;white-space:nowrap}
th,td{padding:4px 10px 4px 0}td{border-top:1px solid var(--line);vertical-align:top}
td:first-child{white-space:nowrap}
.chart{display:block;width:100%;height:auto}
@media(max-width:700px){section:has(.chart){overflow-x:auto}.chart{width:680px}}
.chart text{fill:var(--ink2);font:11px system-ui,sans-serif}
.chart text[class]{paint-order:stroke;stroke:var(--panel);stroke-width:4px}
.chart .grid{stroke:var(--line);fill:none}
.chart .bar.up{stroke:var(--up);fill:var(--up)}.chart .bar.down{stroke:var(--down);fill:var(--down)}
.chart .vwap{stroke:var(--violet);stroke-width:2;fill:none}
.chart .bands{fill:var(--violet);opacity:.12}
.chart .level{stroke-dasharray:6 4;fill:none;stroke:var(--accent)}
.chart .level.stop{stroke:var(--down)}.chart .level.target{stroke:var(--up)}
.chart text.stop{fill:var(--down)}.chart text.target{fill:var(--up)}
.chart text.entry{fill:var(--accent)}
.chart .fill{stroke:var(--panel)}.chart .fill.entry{fill:var(--accent)}
.chart .fill.exit{fill:var(--warn)}
.legend i{display:inline-block;width:12px;height:3px;margin:0 5px 3px 12px;background:var(--violet)}
.legend .entry{background:var(--accent)}.legend .exit{background:var(--warn)}
@media print{body{background:#fff}section{break-inside:avoid}}
"""
