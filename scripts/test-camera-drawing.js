/**
 * The picture of the built-in test camera, drawn on a canvas; make-test-camera.ts runs it in a browser page, frame by frame.
 * All motion is periodic in a minute, so that the last frame leads to the first.
 */
globalThis.drawing = (width, height) => {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const g = canvas.getContext('2d');
  const TAU = Math.PI * 2;
  const horizon = 208;
  /** A wave that repeats after a minute: `turns` whole periods. */
  const swing = (t, turns, phase = 0) => Math.sin((t / 60) * TAU * turns + phase);

  function sky() {
    const light = g.createLinearGradient(0, 0, 0, horizon);
    light.addColorStop(0, '#16263f');
    light.addColorStop(0.55, '#3b5675');
    light.addColorStop(0.85, '#c98f6a');
    light.addColorStop(1, '#f0bf86');
    g.fillStyle = light;
    g.fillRect(0, 0, width, horizon);
    const sun = g.createRadialGradient(470, horizon, 4, 470, horizon, 90);
    sun.addColorStop(0, 'rgba(255,238,200,.95)');
    sun.addColorStop(0.25, 'rgba(255,220,160,.55)');
    sun.addColorStop(1, 'rgba(255,200,140,0)');
    g.fillStyle = sun;
    g.fillRect(360, horizon - 90, 220, 90);
    g.fillStyle = '#6d7f8c';
    g.fillRect(0, horizon, width, 10);
  }

  function coast(t) {
    g.fillStyle = '#24364d';
    g.beginPath();
    g.moveTo(0, horizon);
    g.lineTo(0, 186);
    g.quadraticCurveTo(40, 172, 84, 180);
    g.quadraticCurveTo(120, 188, 150, horizon);
    g.fill();
    // The lighthouse turns once in six seconds.
    const turn = (t / 6) * TAU;
    const beam = Math.sin(turn);
    const facing = Math.cos(turn);
    if (facing > 0) {
      g.fillStyle = `rgba(255,240,200,${(0.22 * facing).toFixed(3)})`;
      g.beginPath();
      g.moveTo(84, 134);
      g.lineTo(84 + beam * 420, 134 - 46);
      g.lineTo(84 + beam * 420, 134 + 46);
      g.fill();
    }
    g.fillStyle = '#e8e2d4';
    g.beginPath();
    g.moveTo(78, 184);
    g.lineTo(80.5, 140);
    g.lineTo(87.5, 140);
    g.lineTo(90, 184);
    g.fill();
    g.fillStyle = '#b4463c';
    g.fillRect(79.5, 156, 9, 10);
    g.fillRect(80, 129, 8, 3);
    g.fillStyle = facing > 0 ? '#fff3c8' : '#b9a878';
    g.fillRect(80.5, 132, 7, 8);
  }

  function wave(t, y, amplitude, length, turns, colour) {
    g.fillStyle = colour;
    g.beginPath();
    g.moveTo(0, height);
    for (let x = 0; x <= width; x += 8) {
      const phase = (x / length) * TAU;
      g.lineTo(x, y + amplitude * (0.7 * swing(t, turns, phase) + 0.3 * swing(t, turns * 2, phase * 1.7 + 1)));
    }
    g.lineTo(width, height);
    g.fill();
  }

  function ship(t) {
    g.save();
    g.translate(352, 214 + 3.2 * swing(t, 12));
    g.rotate(0.018 * swing(t, 12, 1.1));
    // hull, cut open: five compartments between bulkheads
    g.fillStyle = '#8f2f2a';
    g.beginPath();
    g.moveTo(-150, -18);
    g.lineTo(150, -18);
    g.quadraticCurveTo(136, 26, 108, 34);
    g.lineTo(-122, 34);
    g.quadraticCurveTo(-146, 24, -150, -18);
    g.fill();
    g.fillStyle = '#20303f';
    g.fillRect(-152, -24, 304, 8);
    for (let i = 0; i < 5; i++) {
      const x = -118 + i * 46;
      // One compartment after another is "restarted": dark for two seconds of every ten, the others stay lit.
      const dark = Math.floor(t / 2) % 5 === i && Math.floor(t / 10) % 2 === 0;
      g.fillStyle = dark ? '#31404d' : '#f6cf86';
      g.fillRect(x, -10, 40, 36);
      g.fillStyle = dark ? '#263440' : '#d9a85a';
      g.fillRect(x + 8, 4, 24, 22);
      g.fillStyle = '#5d1f1c';
      g.fillRect(x + 40, -14, 6, 44);
    }
    g.fillStyle = '#e9e6dd';
    g.fillRect(-96, -58, 120, 34);
    g.fillRect(-70, -84, 70, 26);
    g.fillStyle = '#35506b';
    for (let i = 0; i < 6; i++) g.fillRect(-88 + i * 19, -48, 11, 9);
    for (let i = 0; i < 4; i++) g.fillRect(-63 + i * 16, -76, 10, 9);
    g.fillStyle = '#d28a3c';
    g.fillRect(-34, -112, 20, 28);
    g.fillStyle = '#20303f';
    g.fillRect(-34, -112, 20, 6);
    g.fillRect(92, -76, 3, 52);
    // the mast light: once a second
    g.fillStyle = t % 1 < 0.5 ? '#ff6a55' : '#5a2f2b';
    g.beginPath();
    g.arc(93.5, -79, 4, 0, TAU);
    g.fill();
    for (let i = 0; i < 5; i++) {
      const age = (t / 5 + i / 5) % 1;
      g.fillStyle = `rgba(226,226,230,${(0.34 * (1 - age)).toFixed(3)})`;
      g.beginPath();
      g.arc(-24 - age * 74, -116 - age * 26, 6 + age * 13, 0, TAU);
      g.fill();
    }
    g.restore();
  }

  function gulls(t) {
    g.strokeStyle = '#eef2f6';
    g.lineWidth = 2;
    g.lineCap = 'round';
    for (let i = 0; i < 3; i++) {
      const x = 250 + i * 26 + 120 * swing(t, 2, i * 0.4);
      const y = 70 + i * 12 + 10 * swing(t, 5, i);
      const lift = 5 * swing(t, 50, i * 2);
      g.beginPath();
      g.moveTo(x - 9, y - lift);
      g.quadraticCurveTo(x - 4, y - 3, x, y);
      g.quadraticCurveTo(x + 4, y - 3, x + 9, y - lift);
      g.stroke();
    }
  }

  function clock(t) {
    const [x, y, r] = [556, 78, 58];
    g.fillStyle = 'rgba(14,24,38,.82)';
    g.beginPath();
    g.arc(x, y, r, 0, TAU);
    g.fill();
    for (let i = 0; i < 60; i++) {
      const a = (i / 60) * TAU - Math.PI / 2;
      const past = i <= t;
      g.strokeStyle = past ? '#f2a33c' : '#5d7187';
      g.lineWidth = i % 5 === 0 ? 3 : 1.5;
      g.beginPath();
      g.moveTo(x + Math.cos(a) * (r - 10), y + Math.sin(a) * (r - 10));
      g.lineTo(x + Math.cos(a) * (r - 4), y + Math.sin(a) * (r - 4));
      g.stroke();
    }
    g.textAlign = 'center';
    g.textBaseline = 'middle';
    g.fillStyle = '#ffffff';
    g.font = 'bold 44px "DejaVu Sans Mono"';
    g.fillText(String(Math.floor(t)).padStart(2, '0'), x, y - 5);
    g.fillStyle = '#f2a33c';
    g.font = 'bold 15px "DejaVu Sans Mono"';
    g.fillText(`.${Math.floor((t % 1) * 10)} s`, x, y + 27);
  }

  function caption() {
    g.textAlign = 'left';
    g.textBaseline = 'alphabetic';
    g.fillStyle = 'rgba(14,24,38,.72)';
    g.fillRect(14, 14, 230, 44);
    g.fillStyle = '#ffffff';
    g.font = 'bold 17px "DejaVu Sans"';
    g.fillText('Bulkhead test camera', 24, 33);
    g.fillStyle = '#c5d3e0';
    g.font = '12px "DejaVu Sans"';
    g.fillText('640x360, 15 fps, H.264 + AAC', 24, 50);
  }

  return (t) => {
    sky();
    coast(t);
    wave(t, horizon + 2, 1.5, 150, 9, '#6d7f8c');
    wave(t, 226, 3, 210, 8, '#3d6076');
    ship(t);
    wave(t, 250, 5, 260, 7, '#2a5068');
    wave(t, 284, 7, 340, 6, '#1f4159');
    wave(t, 322, 9, 420, 5, '#173449');
    gulls(t);
    clock(t);
    caption();
    return canvas.toDataURL('image/png');
  };
};
