// Entry of the inbox page.
import "./inbox.css";
