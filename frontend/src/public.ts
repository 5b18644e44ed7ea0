import "./styles/public-pages.css";
import "./images/mark.svg?url";
import { startColours } from "./behaviours/colours";
import { startMenus } from "./behaviours/menus";

startColours();
startMenus();
