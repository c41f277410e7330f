// A file of `hadal trace --html`: the view of what attention chose, of the data that the file holds.
import { SelectionView } from "../selection.js";

const data = JSON.parse(document.getElementById("data").textContent);
document.getElementById("title").textContent = data.title;
document.getElementById("trace").append(new SelectionView(data).root);
