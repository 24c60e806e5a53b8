const link = document.getElementById("return");
const key = "gaccong-" + link.dataset.flow;
let to = link.getAttribute("href");
try {
  const kept = sessionStorage.getItem(key);
  sessionStorage.removeItem(key);
  if (kept && kept.startsWith("/")) to = kept;
} catch {
  // Without storage the person still comes back to the page, only not to its fragment.
}
location.replace(location.origin + to);
