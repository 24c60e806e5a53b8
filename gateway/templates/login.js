const link = document.getElementById("login");
try {
  sessionStorage.setItem("gaccong-" + link.dataset.flow, location.pathname + location.search + location.hash);
} catch {
  // Without storage the fragment is lost, and nothing else.
}
if (link.dataset.go !== undefined) location.replace(link.href);
