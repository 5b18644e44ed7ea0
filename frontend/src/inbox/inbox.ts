import "./inbox.css";
import { startAutosave } from "./autosave";
import { startPanes } from "./panes";
import { startThread } from "./thread";

startPanes();
startThread();
startAutosave();
