import "./segments.css";
