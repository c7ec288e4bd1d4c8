"use strict";
/* Draws the regions' surfaces with WebGL 2, and nothing else: no library, no network. Every text of the scene
   goes through textContent. Frame: LPS mm, x to the left, y to the back, z to the head. */
(() => {
  const scene = JSON.parse(document.getElementById("scene").textContent);
  const byId = (name) => document.getElementById(name);
  const canvas = byId("view");

  const VERTEX = `#version 300 es
    in vec3 position; in vec3 normal;
    uniform mat4 projection; uniform mat3 turn; uniform vec3 centre, move;
    out vec3 facing; out vec3 place;
    void main() {
      place = turn * (position - centre) + move;
      facing = turn * normal;
      gl_Position = projection * vec4(place, 1.0);
    }`;
  const FRAGMENT = `#version 300 es
    precision highp float;
    in vec3 facing; in vec3 place;
    uniform vec3 colour; uniform float opacity;
    out vec4 pixel;
    void main() {
      vec3 n = normalize(facing), eye = normalize(-place);
      if (dot(n, eye) < 0.0) n = -n;
      vec3 lamp = normalize(eye + vec3(0.25, 0.35, 0.0));
      float light = 0.35 + 0.65 * max(dot(n, lamp), 0.0);
      float shine = 0.18 * pow(max(dot(reflect(-lamp, n), eye), 0.0), 24.0);
      float rim = mix(1.0, 1.0 + 1.5 * pow(1.0 - abs(dot(n, eye)), 2.0), step(opacity, 0.99));
      pixel = vec4(colour * light + shine, min(opacity * rim, 1.0));
    }`;

  const element = (kind, text = "", className = "") => {
    const made = document.createElement(kind);
    made.textContent = text;
    made.className = className;
    return made;
  };
  const say = (text) => { byId("message").textContent = text; byId("message").hidden = false; };
  const bytes = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer;

  /* Views: yaw turns about the patient's long axis, pitch tips the head towards the viewer; degrees. */
  const VIEWS = { A: [0, 0], P: [180, 0], L: [90, 0], R: [-90, 0], S: [180, 90], I: [0, -90] };
  const camera = { yaw: 25, pitch: 15, distance: 3.4, x: 0, y: 0 };
  const SOLID = 0.99;
  const FIELD = Math.tan((15 * Math.PI) / 180);

  /* The rows of the rotation from LPS to the screen: x right, y up, z towards the viewer. */
  const rotation = () => {
    const [a, b] = [camera.yaw, camera.pitch].map((degrees) => (degrees * Math.PI) / 180);
    const [ca, sa, cb, sb] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b)];
    return [[ca, sa, 0], [-sb * sa, sb * ca, cb], [cb * sa, -cb * ca, sb]];
  };
  const dot = (one, other) => one[0] * other[0] + one[1] * other[1] + one[2] * other[2];
  const turned = (rows, point) => rows.map((row) => dot(row, point));

  const surfaces = scene.regions.filter((region) => region.mesh !== null);
  let pending = false;
  let draw = () => {};
  const redraw = () => {
    if (!pending) { pending = true; requestAnimationFrame(() => { pending = false; draw(); }); }
  };

  const legend = () => {
    for (const [name, value] of Object.entries(scene.sources)) {
      byId("sources").append(element("dt", name), element("dd", value));
    }
    byId("software").textContent = `${scene.software}. Not a medical device.`;
    byId("simplified").hidden = !scene.simplified;
    for (const region of scene.regions) {
      const caption = `${region.number} ${region.name.trim() || "\u2013"}`;
      const cc = region.volume_cc;
      const volume = cc === null ? "" : `${cc.toFixed(cc < 100 ? 2 : 1)} cc`;
      if (region.mesh === null) {
        byId("without").hidden = false;
        byId("without").querySelector("ul").append(element("li", `${caption} (${region.state})`));
        continue;
      }
      const row = element("li"), label = element("label"), swatch = element("span", "", "swatch");
      const box = Object.assign(element("input"), { type: "checkbox", checked: true });
      const slide = Object.assign(element("input"), { type: "range", min: 5, max: 100 });
      slide.value = Math.round(region.opacity * 100);
      slide.setAttribute("aria-label", `Opacity of ${caption}`);
      swatch.style.backgroundColor = `rgb(${region.colour.join(",")})`;
      box.addEventListener("change", () => { region.shown = box.checked; redraw(); });
      slide.addEventListener("input", () => { region.opacity = slide.value / 100; redraw(); });
      region.shown = true;
      region.box = box;
      const name = Object.assign(element("span", caption, "name"), { title: caption });
      label.append(box, swatch, name, element("span", volume, "volume"));
      row.append(label, slide);
      byId("regions").append(row);
    }
    for (const [button, shown] of [["all", true], ["none", false]]) {
      byId(button).addEventListener("click", () => {
        for (const region of surfaces) region.shown = region.box.checked = shown;
        redraw();
      });
    }
    for (const [name, [yaw, pitch]] of Object.entries(VIEWS)) {
      const button = Object.assign(element("button", name), { type: "button" });
      button.addEventListener("click", () => {
        Object.assign(camera, { yaw, pitch, x: 0, y: 0 });
        redraw();
      });
      byId("views").append(button);
    }
  };

  const handle = () => {
    const fingers = new Map();
    const zoom = (factor) => {
      camera.distance = Math.min(20, Math.max(0.3, camera.distance * factor));
      redraw();
    };
    const turn = (yaw, pitch) => {
      camera.yaw += yaw;
      camera.pitch = Math.min(90, Math.max(-90, camera.pitch + pitch));
      redraw();
    };
    const shift = (x, y) => {
      const scale = (2 * FIELD * camera.distance) / canvas.clientHeight;
      camera.x += x * scale;
      camera.y -= y * scale;
      redraw();
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, [event.clientX, event.clientY]);
    });
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (event) => fingers.delete(event.pointerId));
    }
    canvas.addEventListener("pointermove", (event) => {
      const last = fingers.get(event.pointerId);
      if (last === undefined) return;
      const now = [event.clientX, event.clientY], [x, y] = [now[0] - last[0], now[1] - last[1]];
      fingers.set(event.pointerId, now);
      if (fingers.size === 2) {
        const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
        const apart = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
        zoom(apart(last) / apart(now));
      } else if (event.shiftKey || event.buttons === 2 || event.buttons === 4) shift(x, y);
      else turn(x * -0.4, y * 0.4);
    });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    const wheel = (event) => { event.preventDefault(); zoom(Math.exp(event.deltaY * 0.001)); };
    canvas.addEventListener("wheel", wheel, { passive: false });
    const KEYS = { ArrowLeft: [6, 0], ArrowRight: [-6, 0], ArrowUp: [0, -6], ArrowDown: [0, 6] };
    canvas.addEventListener("keydown", (event) => {
      if (event.key in KEYS) { event.preventDefault(); turn(...KEYS[event.key]); }
      else if (event.key === "+") zoom(0.9);
      else if (event.key === "-") zoom(1.1);
    });
    new ResizeObserver(redraw).observe(canvas);
  };

  const compiled = (gl) => {
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.bindAttribLocation(program, 0, "position");
    gl.bindAttribLocation(program, 1, "normal");
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    return program;
  };

  /* Vertex normals: the sum of the normals of the faces around, each as long as the face is large. */
  const normals = (points, faces) => {
    const sums = new Float32Array(points.length);
    for (let at = 0; at < faces.length; at += 3) {
      const [a, b, c] = [faces[at] * 3, faces[at + 1] * 3, faces[at + 2] * 3];
      const [ux, uy, uz] = [0, 1, 2].map((axis) => points[b + axis] - points[a + axis]);
      const [vx, vy, vz] = [0, 1, 2].map((axis) => points[c + axis] - points[a + axis]);
      const nx = uy * vz - uz * vy, ny = uz * vx - ux * vz, nz = ux * vy - uy * vx;
      for (const corner of [a, b, c]) {
        sums[corner] += nx;
        sums[corner + 1] += ny;
        sums[corner + 2] += nz;
      }
    }
    return sums;
  };

  const loaded = (gl, mesh) => {
    const { low_lps_mm: low, step_mm: step } = mesh;
    const packed = new Uint16Array(bytes(mesh.vertices));
    const points = Float32Array.from(packed, (value, at) => low[at % 3] + value * step[at % 3]);
    const faces = new Uint16Array(bytes(mesh.faces));
    const array = gl.createVertexArray();
    gl.bindVertexArray(array);
    for (const [place, values] of [[0, points], [1, normals(points, faces)]]) {
      gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
      gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, 3, gl.FLOAT, false, 0, 0);
    }
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, faces, gl.STATIC_DRAW);
    gl.bindVertexArray(null);
    return { array, count: faces.length };
  };

  /* The letters stand where the axes leave the box around all regions. */
  const directions = (low, high) => {
    const half = high.map((value, axis) => (value - low[axis]) / 2);
    const axes = [["L", 0, 1], ["R", 0, -1], ["P", 1, 1], ["A", 1, -1], ["S", 2, 1], ["I", 2, -1]];
    return axes.map(([letter, axis, sign]) => {
      const point = [0, 0, 0];
      point[axis] = sign * (half[axis] + 0.08 * Math.max(...half));
      const label = element("span", letter);
      byId("directions").append(label);
      return { point, label };
    });
  };

  const start = () => {
    const gl = canvas.getContext("webgl2", { antialias: true, stencil: true });
    if (!gl) { say("This browser offers no WebGL 2: the surfaces cannot be drawn."); return; }
    const program = compiled(gl);
    const at = (name) => gl.getUniformLocation(program, name);
    for (const region of surfaces) region.buffers = loaded(gl, region.mesh);
    const { low_lps_mm: low, high_lps_mm: high } = scene.box;
    const centre = low.map((value, axis) => (value + high[axis]) / 2);
    const radius = Math.hypot(...high.map((value, axis) => value - low[axis])) / 2 || 1;
    const letters = directions(low, high);

    const paint = (region) => {
      gl.uniform3fv(at("colour"), region.colour.map((part) => part / 255));
      gl.uniform1f(at("opacity"), region.opacity);
      gl.bindVertexArray(region.buffers.array);
      gl.drawElements(gl.TRIANGLES, region.buffers.count, gl.UNSIGNED_SHORT, 0);
    };
    /* Solid regions first. Then the hazy ones from outside in with the walls that are farther away, and from
       inside out with the nearer ones, so that each lies over what it encloses. Of a wall that folds upon
       itself a pixel takes one layer: the stencil holds which wall has coloured it last. */
    let wall = 0;
    const paintOnce = (region) => {
      wall = wall % 255 + 1;
      if (wall === 1) gl.clear(gl.STENCIL_BUFFER_BIT);
      gl.stencilFunc(gl.NOTEQUAL, wall, 255);
      paint(region);
    };
    const paintAll = () => {
      const seen = surfaces.filter((region) => region.shown);
      const hazy = seen.filter((region) => region.opacity < SOLID);
      hazy.sort((one, other) => other.size - one.size);
      gl.disable(gl.CULL_FACE);
      gl.depthMask(true);
      seen.filter((region) => region.opacity >= SOLID).forEach(paint);
      gl.enable(gl.CULL_FACE);
      gl.depthMask(false);
      gl.enable(gl.STENCIL_TEST);
      gl.stencilOp(gl.KEEP, gl.KEEP, gl.REPLACE);
      wall = 0;
      gl.cullFace(gl.FRONT);
      hazy.forEach(paintOnce);
      gl.cullFace(gl.BACK);
      hazy.reverse().forEach(paintOnce);
      gl.disable(gl.STENCIL_TEST);
    };

    draw = () => {
      const ratio = window.devicePixelRatio || 1;
      const [width, height] = [canvas.clientWidth, canvas.clientHeight];
      canvas.width = Math.max(1, Math.round(width * ratio));
      canvas.height = Math.max(1, Math.round(height * ratio));
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.clearColor(0.05, 0.063, 0.075, 1);
      gl.depthMask(true);
      gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
      gl.enable(gl.DEPTH_TEST);
      gl.enable(gl.BLEND);
      gl.blendFuncSeparate(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA, gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
      gl.useProgram(program);
      const rows = rotation(), aspect = width / height || 1, lens = 1 / FIELD * Math.min(1, aspect);
      const near = 0.01 * radius, far = 30 * radius, depth = near - far;
      const move = [camera.x * radius, camera.y * radius, -camera.distance * radius];
      const matrix = [
        lens / aspect, 0, 0, 0,
        0, lens, 0, 0,
        0, 0, (far + near) / depth, -1,
        0, 0, (2 * far * near) / depth, 0,
      ];
      gl.uniformMatrix4fv(at("projection"), false, matrix);
      gl.uniformMatrix3fv(at("turn"), true, rows.flat());
      gl.uniform3fv(at("centre"), centre);
      gl.uniform3fv(at("move"), move);
      paintAll();
      for (const { point, label } of letters) {
        const [x, y, z] = turned(rows, point).map((value, axis) => value + move[axis]);
        label.style.left = `${(50 * (1 + (lens / aspect) * (x / -z)))}%`;
        label.style.top = `${50 * (1 - lens * (y / -z))}%`;
        const towards = (z - move[2]) / Math.hypot(...point);
        label.hidden = Math.abs(towards) > 0.95;
        label.style.opacity = towards < -0.1 ? "0.45" : "1";
      }
    };
    handle();
    redraw();
  };

  legend();
  if (surfaces.length === 0) say("There are no surfaces to show: no region of this structure set has a mesh.");
  else start();
})();
