// Reads values off lines where the pointer is. Without it, everything can still be seen.
(() => {
  const tip = document.createElement('div')
  tip.className = 'tip'
  tip.hidden = true
  document.body.append(tip)
  const axis = text => {
    const [spacing, ...ends] = text.split(' ')
    const [low, high] = ends.map(Number)
    return share => {
      const v = low + share * (high - low)
      return spacing === 'log' ? 10 ** v : v
    }
  }
  const shown = v => String(Number(v.toPrecision(4)))
  for (const area of document.querySelectorAll('svg.area')) {
    const chart = area.parentNode.closest('svg')
    const [left, top, width, height] = area.getAttribute('data-frame').split(' ').map(Number)
    const [x, y] = [axis(area.getAttribute('data-x')), axis(area.getAttribute('data-y'))]
    const lines = [...area.querySelectorAll('path.line:not(.context)')].map(path => {
      const numbers = (path.getAttribute('d').replace(/m-2 0h4/g, '').match(/-?[\d.]+/g) ?? []).map(Number)
      return { path, numbers, name: path.querySelector('title').textContent }
    })
    if (lines.length === 0) continue
    // The browser's own tip would cover ours.
    chart.setAttribute('aria-label', chart.querySelector('title').textContent)
    chart.querySelectorAll(':scope > title, path.line > title').forEach(title => title.remove())
    const hair = document.createElementNS(chart.namespaceURI, 'path')
    hair.setAttribute('class', 'hair')
    area.append(hair)
    const leave = () => {
      tip.hidden = true
      hair.removeAttribute('d')
    }
    chart.addEventListener('pointerleave', leave)
    chart.addEventListener('pointermove', event => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(chart.getScreenCTM().inverse())
      const outside = (at, low, size) => low - 4 > at || at > low + size + 4
      if (outside(at.x, left, width) || outside(at.y, top, height)) return leave()
      tip.replaceChildren()
      let nearest = null
      const rows = []
      for (const { path, numbers, name } of lines) {
        let best = 0
        for (let i = 0; numbers.length > i; i += 2) {
          if (Math.abs(numbers[best] - at.x) > Math.abs(numbers[i] - at.x)) best = i
        }
        if (numbers.length === 0) continue
        const [px, py] = [numbers[best], numbers[best + 1]]
        if (nearest === null || Math.abs(nearest - at.x) > Math.abs(px - at.x)) nearest = px
        rows.push({ px, color: getComputedStyle(path).color, text: `${name} ${shown(y((top + height - py) / height))}` })
      }
      const line = (text, color) => {
        const row = document.createElement('div')
        row.textContent = text
        row.style.borderColor = color ?? 'transparent'
        tip.append(row)
      }
      line(shown(x((nearest - left) / width)))
      // A line that has ended far from here says nothing about this place.
      rows.filter(row => 0.1 * width > Math.abs(row.px - nearest)).forEach(row => line(row.text, row.color))
      hair.setAttribute('d', `M${nearest} ${top}v${height}`)
      tip.hidden = false
      const box = tip.getBoundingClientRect()
      const right = event.clientX + 14 + box.width > document.documentElement.clientWidth
      tip.style.left = `${Math.max(0, right ? event.clientX - 14 - box.width : event.clientX + 14) + scrollX}px`
      tip.style.top = `${event.clientY + 14 + scrollY}px`
    })
  }
})()
